"""What campaigns are made of: wordings, a corpus, a roster of accounts, a dispatcher."""
