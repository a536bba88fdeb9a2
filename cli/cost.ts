import { printOutcome } from "./commandOutcome";
import { costCommand } from "./costCommand";

printOutcome(costCommand);
