"""What a web page needs of Eddyline beside the wheel: the script that starts Python in it, or in a worker."""
