import { printOutcome } from "./command-outcome";
import { costCommand } from "./cost-command";

printOutcome(costCommand);
