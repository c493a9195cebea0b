"""Models: tables as classes. What users type first; the work is in schema/, query/ and write/."""
