"""What the tests, the benchmarks and their programs share.

A test imports the product and ``testlib``; it imports no other test and no other folder of tests.
``testlib`` imports no test. What only one file needs stays in that file.
"""
