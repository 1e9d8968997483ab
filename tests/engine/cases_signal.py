"""Cases for Fourier transforms and frames; the gradients of the complex ones are in test_signal.py."""

from cases import Case, between, case, normal

from tfcli.engine.ops import fourier, signal

PLANE = between(-1, 1, 2, 4) + 1j * between(-1, 1, 2, 4)

CASES: dict[str, list[Case]] = {
    "Fft": [case(fourier.Fft(1), PLANE), case(fourier.Fft(2), PLANE)],
    "FftAdjoint": [case(fourier.FftAdjoint(1), PLANE)],
    "Ifft": [case(fourier.Ifft(1), PLANE)],
    "FftForward": [case(fourier.FftForward(1), PLANE)],
    "RealFft": [
        case(fourier.RealFft(4), normal(2, 4), order=0),
        case(fourier.RealFft(5), normal(5), unknown=(None,), order=0),
    ],
    "RealIfft": [case(fourier.RealIfft(6), PLANE), case(fourier.RealIfft(7), PLANE)],
    "Frame": [case(signal.Frame(3, 2), normal(2, 8))],
    "FrameGrad": [case(signal.FrameGrad(3, 2), normal(2, 3, 3), normal(2, 8))],
    "OverlapAndAdd": [case(signal.OverlapAndAdd(2), normal(2, 3, 3))],
}
EXEMPT: dict[str, str] = {}
