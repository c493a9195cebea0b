"""Words for the sample: what people, projects, issues and comments are called."""

from typing import Final

PROJECTS: Final = (
    "Lighthouse", "Headwater", "Tidepool", "Mooring", "Compass", "Millrace",
    "Estuary", "Driftwood", "Ferry", "Sluice", "Kingfisher", "Weir",
)  # fmt: skip

TEAMS: Final = ("Design", "Engine", "Field", "Platform", "Support")

FIRST_NAMES: Final = (
    "Ada", "Bruno", "Chiara", "Deniz", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kofi", "Lena", "Malik",
    "Nadia", "Oskar", "Priya", "Quinn", "Rosa", "Samir", "Tove", "Uma", "Viktor", "Wanda", "Ximena", "Yuki", "Zoe",
)  # fmt: skip

LAST_NAMES: Final = (
    "Abel", "Berg", "Costa", "Diallo", "Ekdahl", "Fischer", "Greco", "Haddad", "Ito", "Jansen", "Kaya", "Lindqvist",
    "Moreau", "Novak", "Okafor", "Park", "Quist", "Rossi", "Silva", "Tanaka", "Ueda", "Vogel", "Weber", "Yilmaz",
)  # fmt: skip

PARTS: Final = (
    "Search", "The sidebar", "Export", "Login", "The calendar", "Drag and drop", "The audit log", "Printing",
    "The importer", "Undo", "The chart", "Offline mode", "The address book", "Paste", "The status page", "Sorting",
    "The mobile menu", "Dark mode", "The search index", "Autosave", "The tag editor", "The first start",
)  # fmt: skip

FAULTS: Final = (
    "flickers", "loses the last row", "forgets the selection", "is slow", "shows stale numbers", "hangs",
    "mixes up time zones", "jumps to the top", "ignores the filter", "asks twice", "cuts long names",
    "counts deleted items", "needs two clicks", "stops after an error", "drops accents", "opens the wrong tab",
)  # fmt: skip

TIMES: Final = (
    "after a reload", "on slow networks", "with 10,000 rows", "when two people edit", "in a narrow window",
    "on the second try", "after midnight", "while syncing", "with an empty list", "in right-to-left text",
    "when the disk is full", "after an upgrade", "on shared folders", "with the keyboard alone",
)  # fmt: skip

WISHES: Final = (
    "Keyboard shortcuts for", "A quieter notice for", "Bulk editing in", "A preview in", "Better error texts in",
    "Remember the last choice in", "Tests for", "Write a guide to", "A progress bar for", "Permissions for",
)  # fmt: skip

AREAS: Final = (
    "search", "the sidebar", "export", "login", "the calendar", "the audit log", "printing", "the importer",
    "the chart", "offline mode", "the address book", "the status page", "the tag editor", "the first start",
)  # fmt: skip

REMARKS: Final = (
    "Seen again this morning.", "Can't repeat it here.", "A customer asked about this.", "Fixed on my branch.",
    "Let's pair on it.", "Is this still true?", "Needs a decision first.", "Logs attached.", "Same as last spring.",
    "I'd rather remove the feature.", "Half of it is done.", "Works on my machine.", "Thanks, that helped.",
    "Raising the priority.", "Waiting for the design.", "A test would have caught this.", "Found the cause.",
    "Please check with the support team.", "Not before the release.", "Closed by mistake, sorry.",
)  # fmt: skip
