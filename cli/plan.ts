import { printOutcome } from "./command-outcome";
import { planCommand } from "./plan-command";

printOutcome(planCommand);
