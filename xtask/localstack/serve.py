"""serve.py FOLDER: runs LocalStack for as long as standard input stays open, then deletes FOLDER.

The starter holds the other end of the pipe. However it ends, also when it is killed and can clean up
nothing, the pipe closes and the server goes away with its files and everything that it started.
"""

import os
import runpy
import shutil
import signal
import sys
import threading


def stop_with_starter(folder: str) -> None:
    """Waits for the end of standard input, then ends this process group."""
    while os.read(0, 4096):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    folder = sys.argv.pop()
    os.setpgid(0, 0)
    threading.Thread(target=stop_with_starter, args=[folder], daemon=True).start()
    runpy.run_module("localstack.runtime.main", run_name="__main__", alter_sys=True)
