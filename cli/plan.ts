import { printOutcome } from "./commandOutcome";
import { planCommand } from "./planCommand";

printOutcome(planCommand);
