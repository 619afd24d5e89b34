"""Which customers a contact helps: a model of its effect on each customer. The model is used only if it is
shown to choose customers better than a choice by risk (the probability of the outcome without a contact).
"""
