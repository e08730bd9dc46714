"""Systems that `retold baseline NAME` runs, in one folder for each kind; `common` holds what several share."""
