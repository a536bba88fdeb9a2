"""Names of the variables by which a rehearsal has a run observed and interrupted; known without importing torch."""

OBSERVE = "POSTTRAINING_OBSERVE"
INTERRUPT = "POSTTRAINING_INTERRUPT_AT_STEP"
