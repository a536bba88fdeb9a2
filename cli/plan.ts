import { printOutcome } from "./commandOutcome";
import { planCommand } from "./plan-command";

printOutcome(planCommand);
