"""What a web page needs of Eddyline: scripts that start Python and act on the page, and a folder with all of it."""
