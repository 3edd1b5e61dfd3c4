"""ipykernel without its TCP port, to which every user of the machine can write.

The port is the inbox for what forked children print. Here it is one more socket in the
lab's private folder. ipykernel has no setting for it, hence these subclasses.
"""

import os

import zmq
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import IPKernelApp
from zmq.eventloop.zmqstream import ZMQStream


class PrivateThread(IOPubThread):
    """Sends the output; its inbox is on ipc if the kernel's sockets are."""

    def _setup_pipe_in(self):
        endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        if not endpoint.startswith("ipc:"):
            super()._setup_pipe_in()
            return
        # The five of a kernel end in -1 to -5.
        self._inbox = endpoint.rpartition("-")[0] + "-6"
        self._pipe_uuid = os.urandom(16)
        inbox = self.socket.context.socket(zmq.PULL)
        inbox.linger = 0
        inbox.bind(self._inbox)
        self._pipe_in = ZMQStream(inbox, self.io_loop)
        self._pipe_in.on_recv(self._handle_pipe_msg)

    def _setup_pipe_out(self):
        if not hasattr(self, "_inbox"):
            return super()._setup_pipe_out()
        context = zmq.Context()  # a new one after each fork
        outlet = context.socket(zmq.PUSH)
        outlet.linger = 3000
        outlet.connect(self._inbox)
        return context, outlet


class PrivateKernel(IPKernelApp):
    """A kernel with such a thread; the rest of this method is ipykernel's."""

    def init_iopub(self, context):
        """Open the socket for the output."""
        output = context.socket(zmq.XPUB)
        output.linger = 1000
        self.iopub_port = self._bind_socket(output, self.iopub_port)
        self.configure_tornado_logger()
        self.iopub_thread = PrivateThread(output, pipe=True, session=self.session)
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket


if __name__ == "__main__":
    PrivateKernel.launch_instance()
