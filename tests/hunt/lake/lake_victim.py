"""Ingests, compacts and expires in a process of its own, so that tests can kill it."""

import sys
from pathlib import Path

from lake_kit import KIT

from stillhunt.hunt import ingest, intake, source
from stillhunt.hunt.lake.compact import compact
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.settings import Lake as LakeSettings

if __name__ == "__main__":
    source.CHUNK, intake.FLUSH_ROWS, intake.COMMIT_BYTES = 2_000, 60, 6_000
    lake = Lake.create(Path(sys.argv[1]), wait_s=5)
    settings = HuntSettings(lake=LakeSettings(text="full"))
    print("ready", flush=True)
    ingest.ingest(sys.argv[2:], lake=lake, settings=settings, kit=KIT)
    compact(lake)
