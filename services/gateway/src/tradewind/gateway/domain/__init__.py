"""Pure: what a submission becomes, how events become views, what a job cost."""
