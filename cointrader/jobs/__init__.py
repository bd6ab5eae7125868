"""Work that outlives the console: the queue's supervisor and the child process that runs each job.

    console or command --> row in `job` --> supervisor (claims, watches) --> one child process a job

A job is claimed by one atomic statement; every write of it carries its attempt, so that a process
which was given up cannot write over its successor.
"""
