"""What a rehearsal proves, one module for each thing: pure functions of what was seen. Each message says what to do."""
