import { PolicyPack } from "@pulumi/policy";
import { policies } from "./policies";

new PolicyPack("posttraining", { enforcementLevel: "mandatory", policies });
