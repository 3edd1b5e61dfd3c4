"""Writes src/remote_lab/templates/taken_names.txt: names that a project can not have.

Run it with the Python of a project's environment, after `uv sync --all-groups`:

    PROJECT/.venv/bin/python tools/taken_names.py

A project's package is called like the project. One that is called like a module of
Python, or like a package that it installs, would hide that one, or not be installable.
"""

import keyword
import re
import sys
from importlib import metadata
from pathlib import Path

FILE = Path(__file__).parents[1] / "src/remote_lab/templates/taken_names.txt"
# The longest that a slug may be.
SLUG = re.compile("[a-z][a-z0-9-]{0,30}")
# What people who work with data install, by the names of the packages and of what is
# imported; then what has its own meaning in a project; then modules of other Pythons.
BY_HAND = """
    accelerate albumentations altair anndata apache-airflow arviz asdf ase astropy
    autogluon awkward biopython black bokeh boto3 bqplot cartopy catboost causalml
    celery cftime click cloudpickle cmdstanpy cupy cv2 cvxpy cython dagster dash dask
    databricks dataset datasets datashader dbt deap dgl diffusers distributed django
    duckdb einops evaluate fastai fastapi fastparquet featuretools fiona flask flax
    folium fsspec gensim geopandas ggplot gluonts gradio great-expectations gym
    gymnasium h5py haystack holoviews huggingface-hub hvplot hydra hypothesis ibis
    igraph imageio imbalanced-learn imblearn implicit intake invoke ipywidgets jax
    jaxlib joblib kaggle kedro keras kornia lancedb langchain librosa lifelines lightgbm
    lightning llama-index llvmlite luigi lxml matplotlib mlflow mne modin mxnet mypy
    natsort nbconvert netcdf4 networkx nibabel nilearn nltk numba numexpr numpy numpyro
    obspy onnx onnxruntime openai opencv-python openpyxl optuna orjson palettable pandas
    pandera panel papermill patsy pdal peft petsc4py pil pillow pip plotly plotnine
    polars pooch prefect prophet protobuf psycopg psycopg2 py-spy pyarrow pybind11
    pydantic pyfftw pygraphviz pymc pymongo pyomo pyproj pyro pyro-ppl pysal pyspark
    pystan pytables pytest pytorch pytorch-lightning pyvista rasterio ray rdkit redis
    requests rich rioxarray sacrebleu safetensors scanpy scapy scikit-image scikit-learn
    scipy scrapy seaborn sentence-transformers sentencepiece setuptools shap shapely
    simpy skimage sklearn skorch smart-open snakemake spacy spark sqlalchemy sqlmodel
    squarify stan statsmodels streamlit surprise sympy tables tensorboard tensorflow
    textblob theano tiktoken timm tokenizers toolz torch torchaudio torchmetrics
    torchtext torchvision tox tqdm transformers trimesh typer umap umap-learn uproot
    vaex vega vllm voila wandb werkzeug wheel xarray xgboost xlrd xlsxwriter yellowbrick
    yfinance zarr
    conda data docs examples localhost notebook notebooks pre-commit prek python2
    python3 remote-lab results sandbox scripts src test tests uv python
    aifc annotationlib asynchat asyncore cgi cgitb chunk compression crypt distutils
    imghdr imp lib2to3 mailcap msilib nis nntplib ossaudiodev pipes smtpd sndhdr spwd
    sunau telnetlib uu xdrlib profiling
"""


def installed() -> set[str]:
    """The packages of this environment, and what they bring to import."""
    found = set()
    for name, packages in metadata.packages_distributions().items():
        # The project itself is there too, from its folder.
        if not metadata.distribution(packages[0]).read_text("direct_url.json"):
            found |= {name, *packages}
    return found


def main() -> None:
    """Write the file."""
    names = {*sys.stdlib_module_names, *keyword.kwlist, *installed(), *BY_HAND.split()}
    slugs = {re.sub("[._]+", "-", name.lower()) for name in names}
    lines = sorted(name for name in slugs if SLUG.fullmatch(name))
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
