// The gateway with its configuration. wrangler looks here for the class of the counters.
import { CounterCell, gateway } from "edgeway/worker";
import configuration from "./gateway.json";

export { CounterCell };
export default gateway(configuration);
