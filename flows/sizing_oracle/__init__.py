"""An oracle for the sizing planner: peak memory of real training steps, traced at full shape without weights."""
