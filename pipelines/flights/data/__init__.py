"""From files of any size to features and labels of each month; a step a file, beside what it is made with."""
