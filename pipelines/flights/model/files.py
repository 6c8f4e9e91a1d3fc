"""Names of the files of a model, in its artifact and in its bundle."""

MODEL_FILE, ONNX_FILE, PARITY_FILE, CARD_FILE = "model.joblib", "model.onnx", "parity.json", "model.json"
BASELINE_FILE = "logistic_regression.joblib"  # of the artifact alone
MODEL_CARD_FILE, DATA_CARD_FILE = "model_card.md", "data_card.md"  # for people
