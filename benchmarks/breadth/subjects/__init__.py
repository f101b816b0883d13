"""The works, a module for each subject."""

#: The subjects, in the order in which they are run. Extensions come last: some patch what the others use.
SUBJECTS = (
    "requests",
    "routing",
    "urls",
    "answers",
    "cookies",
    "sessions",
    "bodies",
    "files",
    "templates",
    "streams",
    "hooks",
    "errors",
    "contexts",
    "subclasses",
    "production",
    "pages",
    "extensions",
)
