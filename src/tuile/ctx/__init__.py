"""The application and request contexts, and the functions that work on the current one."""
