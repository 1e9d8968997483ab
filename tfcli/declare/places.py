"""Where the classes of each kind are declared, so that a spec loads the modules of those alone that it names.

Written by scripts/declared_places.py.
"""

PLACES: dict[str, dict[str, str]] = {
    "data source": {
        "tfcli.data.sources.audio_folder": "audiofolder",
        "tfcli.data.sources.bundled": "bundled",
        "tfcli.data.sources.csv": "csv",
        "tfcli.data.sources.generator": "generator",
        "tfcli.data.sources.idx": "idx",
        "tfcli.data.sources.image_folder": "imagefolder",
        "tfcli.data.sources.jsonl": "jsonl",
        "tfcli.data.sources.npz": "npy npz",
        "tfcli.data.sources.parquet": "parquet",
        "tfcli.data.sources.text_files": "textfolder textlines",
        "tfcli.data.sources.text_windows": "textwindows",
        "tfcli.data.sources.tfrecord": "tfrecord",
        "tfcli.data.sources.time_series": "timeseries",
    },
    "layer": {
        "tfcli.models.layers.activations": "activityregularization elu leakyrelu prelu relu softmax",
        "tfcli.models.layers.attention": "additiveattention attention",
        "tfcli.models.layers.cells": "stackedrnncells",
        "tfcli.models.layers.containers": "block residual",
        "tfcli.models.layers.conv_lstm": "convlstm1d convlstm2d convlstm3d",
        "tfcli.models.layers.convolution": (
            "conv1d conv1dtranspose conv2d conv2dtranspose conv3d conv3dtranspose convolution1d convolution1dtranspose "
            "convolution2d convolution2dtranspose convolution3d convolution3dtranspose depthwiseconv1d depthwiseconv2d "
            "separableconv1d separableconv2d separableconvolution1d separableconvolution2d"
        ),
        "tfcli.models.layers.core": "activation dense einsumdense identity lambda",
        "tfcli.models.layers.embedding": "embedding masking positionembedding",
        "tfcli.models.layers.features": (
            "bytepairtokenizer categoryencoding discretization hashedcrossing hashing integerlookup melspectrogram "
            "normalization stftspectrogram stringlookup textvectorization"
        ),
        "tfcli.models.layers.gates": "grucell lstmcell simplernncell",
        "tfcli.models.layers.merging": "add average concatenate dot maximum minimum multiply subtract",
        "tfcli.models.layers.multi_head_attention": "groupedqueryattention groupqueryattention multiheadattention",
        "tfcli.models.layers.normalization": (
            "batchnormalization groupnormalization layernormalization rmsnormalization spectralnormalization "
            "unitnormalization"
        ),
        "tfcli.models.layers.pooling": (
            "adaptiveaveragepooling1d adaptiveaveragepooling2d adaptiveaveragepooling3d adaptivemaxpooling1d "
            "adaptivemaxpooling2d adaptivemaxpooling3d averagepooling1d averagepooling2d averagepooling3d avgpool1d "
            "avgpool2d avgpool3d globalaveragepooling1d globalaveragepooling2d globalaveragepooling3d globalavgpool1d "
            "globalavgpool2d globalavgpool3d globalmaxpool1d globalmaxpool2d globalmaxpool3d globalmaxpooling1d "
            "globalmaxpooling2d globalmaxpooling3d maxpool1d maxpool2d maxpool3d maxpooling1d maxpooling2d "
            "maxpooling3d"
        ),
        "tfcli.models.layers.preprocessing": (
            "augmix autocontrast centercrop contrastlimitedadaptivehistogramequalization cutmix equalization mixup "
            "randaugment randombrightness randomcolordegeneration randomcolorjitter randomcontrast randomcrop "
            "randomelastictransform randomerasing randomflip randomgaussianblur randomgrayscale randomhue randominvert "
            "randomperspective randomposterization randomrotation randomsaturation randomsharpness randomshear "
            "randomtranslation randomzoom rescaling resizing solarization"
        ),
        "tfcli.models.layers.random_features": "randomfourierfeatures",
        "tfcli.models.layers.recurrent": "gru lstm rnn simplernn",
        "tfcli.models.layers.regularization": (
            "alphadropout dropout gaussiandropout gaussiannoise spatialdropout1d spatialdropout2d spatialdropout3d"
        ),
        "tfcli.models.layers.reshaping": (
            "cropping1d cropping2d cropping3d flatten permute repeatvector reshape upsampling1d upsampling2d "
            "upsampling3d zeropadding1d zeropadding2d zeropadding3d"
        ),
        "tfcli.models.layers.wrappers": "bidirectional timedistributed",
    },
    "loss": {
        "tfcli.models.losses.hinge": "categoricalhinge hinge squaredhinge",
        "tfcli.models.losses.overlap": "circle dice tversky",
        "tfcli.models.losses.probabilistic": (
            "bce binarycrossentropy binaryfocalcrossentropy categoricalcrossentropy categoricalfocalcrossentropy "
            "categoricalgeneralizedcrossentropy kld kldivergence kullbackleiblerdivergence poisson "
            "sparsecategoricalcrossentropy"
        ),
        "tfcli.models.losses.regression": (
            "cosinesimilarity huber huberloss logcosh mae mape meanabsoluteerror meanabsolutepercentageerror "
            "meansquarederror meansquaredlogarithmicerror mse msle"
        ),
        "tfcli.models.losses.sequence": "ctc",
    },
    "metric": {
        "tfcli.models.metrics.accuracy": (
            "acc accuracy binaryaccuracy categoricalaccuracy sparsecategoricalaccuracy sparsetopkcategoricalaccuracy "
            "topkcategoricalaccuracy"
        ),
        "tfcli.models.metrics.confusion": (
            "auc falsenegatives falsepositives precision precisionatrecall recall recallatprecision "
            "sensitivityatspecificity specificityatsensitivity truenegatives truepositives"
        ),
        "tfcli.models.metrics.f_score": "f1score fbetascore",
        "tfcli.models.metrics.iou": "binaryiou iou meaniou onehotiou onehotmeaniou",
        "tfcli.models.metrics.probabilistic": (
            "bce binarycrossentropy categoricalcrossentropy categoricalhinge hinge kld kldivergence "
            "kullbackleiblerdivergence poisson sparsecategoricalcrossentropy squaredhinge"
        ),
        "tfcli.models.metrics.regression": (
            "concordancecorrelation cosinesimilarity logcosh logcosherror mae mape meanabsoluteerror "
            "meanabsolutepercentageerror meansquarederror meansquaredlogarithmicerror mse msle pearsoncorrelation "
            "r2score rmse rootmeansquarederror"
        ),
    },
    "optimizer": {
        "tfcli.models.optimizers.adam": "adam adamax adamw lamb muon nadam schedulefreeadamw",
        "tfcli.models.optimizers.adaptive": "adadelta adafactor adagrad ftrl rmsprop",
        "tfcli.models.optimizers.descent": "lion sgd",
    },
    "pipeline stage": {
        "tfcli.data.stages.audio": "melspectrogram stftspectrogram",
        "tfcli.data.stages.categories": (
            "bytepairtokenizer categoryencoding hashedcrossing hashing integerlookup onehot stringlookup "
            "textvectorization"
        ),
        "tfcli.data.stages.filter": "filter",
        "tfcli.data.stages.flow": "cache prefetch snapshot",
        "tfcli.data.stages.groups": "batch bucketbysequencelength paddedbatch unbatch window",
        "tfcli.data.stages.images": (
            "augmix autocontrast centercrop contrastlimitedadaptivehistogramequalization cutmix equalization mixup "
            "randaugment randombrightness randomcolordegeneration randomcolorjitter randomcontrast randomcrop "
            "randomelastictransform randomerasing randomflip randomgaussianblur randomgrayscale randomhue randominvert "
            "randomperspective randomposterization randomrotation randomsaturation randomsharpness randomshear "
            "randomtranslation randomzoom rescaling resizing solarization"
        ),
        "tfcli.data.stages.map": "map",
        "tfcli.data.stages.numeric": "discretization normalization",
        "tfcli.data.stages.order": "rejectionresample repeat shard shuffle skip take",
    },
    "preset": {
        "tfcli.models.presets.images": "densenet densenet121 densenet169 densenet201 lenet lenet5 unet vgg",
        "tfcli.models.presets.mobile": "efficientnetb0 mobilenetv2",
        "tfcli.models.presets.residual": (
            "resnet resnet14 resnet18 resnet20 resnet26 resnet32 resnet34 resnet38 resnet44 resnet50 resnet8"
        ),
        "tfcli.models.presets.tables": "autoencoder bilstm mlp siamese textcnn wideanddeep",
        "tfcli.models.presets.transformers": "bert gpt2 transformerdecoder transformerencoder vit",
    },
}
"""Kind -> module -> the names, as `squash` has them, of its classes."""
