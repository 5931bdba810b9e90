"""Calls on buffers that stay where they are: IO binding, and CUDA graphs over it.

A plain `session.run` on a GPU allocates inputs and outputs anew and launches every kernel one by one; at batch 1 the
launches take longer than the work. Here each shape has buffers of its own on the device, and with CUDA graphs all its
kernels are launched as one (onnxruntime, "CUDA Graphs" in its manual of the CUDA provider). So that a text of every
length does not need buffers of its own, lengths are rounded up to buckets and padding is masked.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnxruntime as ort

from .errors import ExportError
from .inputs import Inputs, Logits, select_inputs
from .session import failed_run, logits_output

_GRAPH_ID = "gpu_graph_id"
_NO_GRAPH = "-1"
_IDS = "input_ids"
_MASK = "attention_mask"
_FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


@dataclass(frozen=True)
class Buckets:
    """Shapes that calls are padded to.

    Attributes:
        multiple: lengths are rounded up to a multiple of this; tensor cores like 8 (NVIDIA, "Matrix Multiplication
            Background", section 3).
        longest: never beyond this, the positions of the model.
        pad_id: token id of padding. RoBERTa counts positions by it.
        powers: whether the number of texts is rounded up to a power of two, so that there are few shapes.
    """

    multiple: int = 8
    longest: int | None = None
    pad_id: int = 0
    powers: bool = False

    def shape(self, batch: int, length: int) -> tuple[int, int]:
        """The (batch, length) that a call of this size is padded to."""
        padded = -(-length // self.multiple) * self.multiple
        if self.longest is not None:
            padded = max(length, min(padded, self.longest))
        return (1 << (batch - 1).bit_length()) if self.powers else batch, padded

    def fill(self, feed: Inputs, shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Each array padded to `shape`: masked tokens at the end, and the last text again as further rows.

        A GPU waits while this runs, so it copies once, and only what there is to pad; `numpy.pad`, which goes about it
        axis by axis, shows in the latency of a single text.
        """
        return {name: self._wider(name, array, shape) for name, array in feed.items()}

    def _wider(self, name: str, array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        if array.shape == shape:
            return array
        batch, length = array.shape
        wide = np.full(shape, self.pad_id if name == _IDS else 0, array.dtype)
        wide[:batch, :length] = array
        wide[batch:] = wide[batch - 1]
        return wide


class BoundClassifier:
    """Callable from token ids to logits over a session whose buffers stay on its device.

    Not for several threads at once: calls of one shape share buffers.

    Args:
        session: of a graph with an output named logits, or one output only, of (batch, classes) floats.
        device: where the session runs.
        graphs: whether the session captures CUDA graphs.
        buckets: how calls are padded. Without an attention mask among its inputs nothing is padded.
        most: shapes that keep buffers; beyond, the one unused for longest gives way. CUDA graphs are captured for
            the first `most` shapes, since onnxruntime does not give their memory back.

    Raises:
        ExportError: several outputs and none named logits, or logits that are not floats.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        *,
        device: Literal["cpu", "cuda"],
        graphs: bool = False,
        buckets: Buckets = Buckets(),
        most: int = 32,
    ) -> None:
        self.session = session
        self.graphs = graphs
        self.input_names: tuple[str, ...] = tuple(node.name for node in session.get_inputs())
        self.output_name = logits_output([node.name for node in session.get_outputs()])
        self._device, self._most = device, most
        self._buckets = buckets if _MASK in self.input_names else None
        self._bound: OrderedDict[tuple[int, int], _Buffers] = OrderedDict()
        self._captured: dict[tuple[int, int], str] = {}
        (output,) = (node for node in session.get_outputs() if node.name == self.output_name)
        if output.type not in _FLOATS or not isinstance(output.shape[-1], int):
            raise ExportError(f"the output {self.output_name} is {output.type} of {output.shape}, and no logits")
        self._classes, self._float = output.shape[-1], _FLOATS[output.type]

    def __call__(self, inputs: Inputs) -> Logits:
        """Logits (batch, classes), float32, of token ids (batch, length); only declared inputs are fed.

        Raises:
            ExportError: an input is missing or misshapen, or the graph cannot run on it.
        """
        feed = select_inputs(inputs, self.input_names)
        texts, tokens = next(iter(feed.values())).shape
        shape = (texts, tokens)
        if self._buckets is not None:
            shape = self._buckets.shape(texts, tokens)
            feed = self._buckets.fill(feed, shape)
        try:
            logits = self._buffers(shape).run(feed)
        except Exception as error:  # onnxruntime's exceptions share no base class but Exception
            self._bound.pop(shape, None)
            raise failed_run((texts, tokens), error) from None
        return np.asarray(logits[:texts], dtype=np.float32)

    def _buffers(self, shape: tuple[int, int]) -> _Buffers:
        if shape not in self._bound:
            if self.graphs and len(self._captured) < self._most:
                self._captured.setdefault(shape, str(len(self._captured)))
            elif len(self._bound) >= self._most:
                self._drop_one()
            graph = self._captured.get(shape, _NO_GRAPH) if self.graphs else None
            self._bound[shape] = _Buffers(self, shape, graph)
        self._bound.move_to_end(shape)
        return self._bound[shape]

    def _drop_one(self) -> None:
        """Forget the buffers unused for longest, but for those that a captured graph writes to."""
        free = next((shape for shape in self._bound if shape not in self._captured), None)
        if free is not None:
            del self._bound[free]

    def arrays(self, shape: tuple[int, int]) -> tuple[dict[str, ort.OrtValue], ort.OrtValue]:
        """Inputs and output on the device, for calls of `shape`."""
        inputs = {
            name: ort.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.int64), self._device, 0)
            for name in self.input_names
        }
        logits = np.zeros((shape[0], self._classes), self._float)
        return inputs, ort.OrtValue.ortvalue_from_numpy(logits, self._device, 0)


class _Buffers:
    """Inputs and output of one shape, bound to a session once."""

    def __init__(self, owner: BoundClassifier, shape: tuple[int, int], graph: str | None) -> None:
        self._session = owner.session
        self._inputs, self._output = owner.arrays(shape)
        self._binding = self._session.io_binding()
        for name, value in self._inputs.items():
            self._binding.bind_ortvalue_input(name, value)
        self._binding.bind_ortvalue_output(owner.output_name, self._output)
        self._options = ort.RunOptions()
        self._options.log_severity_level = 4  # fatal only; the exception says it
        if graph is not None:
            self._options.add_run_config_entry(_GRAPH_ID, graph)

    def run(self, feed: Inputs) -> np.ndarray:
        for name, value in self._inputs.items():
            value.update_inplace(feed[name])
        self._session.run_with_iobinding(self._binding, self._options)
        result: np.ndarray = np.array(self._output.numpy())
        return result
