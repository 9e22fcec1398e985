/** The Worker as the npm package has it: whoever uses it brings the configuration, and exports the class of the counter cells. */

export { CounterCell } from "./counter_cell.ts";
export { gateway } from "./gateway.ts";
