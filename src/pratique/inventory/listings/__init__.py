"""What files list: locks, manifests and workflows of every kind, as sightings.

Owns: which names we read (`kinds`), reading a file piece by piece so that the next version of it costs
only what changed (`reading`), and who required what (`graph`). The formats themselves are in `locks`
(Python), `npm`, `conda` and `workflows`. Never does: open files, run git. Start reading at `reading`.
"""
