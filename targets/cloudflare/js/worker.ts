/** The Worker of this project's `gateway.json`. */

import config from "../../gateway.json";
import { gateway } from "./gateway.ts";

export { CounterCell } from "./counter_cell.ts";
export default gateway(config);
