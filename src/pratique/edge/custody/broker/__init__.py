"""The key broker: a process of its own that holds keys, and counts what it lets out.

Owns: the master key, the keys of clients and datasets, the second meter, the scopes that it refuses.
Never: talks over a network, reads a database, sees a byte of data. Start reading at `server`.

    home/broker/            0700
      master.key            opens everything else here; lose it and all data is lost
      clients/NAME.GEN.key  a client's key, under the master key
      datasets/NAME.key     a dataset's key, under its client's key
      meter/                what left in the last hour, written before it left
      suspended             scopes that get nothing
      broker.toml           caps, and who may connect
      gateway.sock, admin.sock
"""
