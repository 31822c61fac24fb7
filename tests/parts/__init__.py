"""Parts of the stack for tests: each starts one process in a folder of its own."""
