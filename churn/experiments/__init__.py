"""Whether contact helps: experiments and their control groups, the effect of contact on churn, and the size
that an experiment needs.
"""
