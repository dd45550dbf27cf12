"""Plain English words that the tokenizer knows beside the caption words, most of them never seen in pretraining.

CLIP's vocabulary knows words that Stable Diffusion saw rarely; so does this one, and its text encoder holds their
untrained embeddings. Words are only words here: no caption uses these lists, and no picture belongs to them.
"""

from __future__ import annotations

PLAIN_WORDS = (
    # people, bodies, care
    "person man woman boy girl child adult male female old young year years age aged patient subject body head brain "
    "chest heart lung lungs rib ribs bone skin eye eyes hand face skull tissue disease disorder healthy normal "
    "abnormal mild severe moderate cognitive impairment cognitively alzheimer dementia scan image mri ct x ray xray "
    "radiograph radiography mr t axial sagittal coronal slice view front side frontal lateral pleural effusion "
    "pneumonia edema cardiomegaly consolidation atelectasis finding findings no cn mci ad left right upper lower "
    "ventricle ventricles cortex nodule opacity fracture pneumothorax device devices enlarged hospital doctor "
    "medical clinical diagnosis control tumor retina fundus ultrasound pathology cell cells tomography magnetic "
    "resonance dermoscopy lesion "
    # editing and asking
    "into make change turn add remove keep same as to from for by about like without after before become becomes "
    "older younger increase decrease show showing shows one two three four five six seven eight nine ten zero "
    "hundred first second last next more less very not is are was be been being has have had do does it its this "
    "that these those there here what which who when where how why all any each every other another such only "
    "than then so if or but because while during between through across against around near far up down off out "
    # things and qualities
    "time day week month hour minute world life home place water air fire earth food bread milk tea book paper pen "
    "line circle square triangle shape point part piece half whole top bottom middle end start high low big little "
    "long short wide narrow thin thick round flat soft hard new good bad best fine clear strong weak fast slow hot "
    "cold warm cool dry wet clean dirty empty full open closed simple detail detailed smooth rough quality grey "
    "gray colour color bright sharp noisy contrast figure picture drawing art style digital realistic rendering "
    "animal horse cow sheep lion tiger bear rabbit mouse snake frog insect plant garden park hill lake island rock "
    "ocean wind rain storm cloud spring summer autumn train bus truck bicycle plane ship bridge tower church castle "
    "school shop market room door window roof floor kitchen bed desk computer phone camera glass metal gold silver "
    "plastic leather cotton music game sport team football play run walk sit stand look see hold work love friend "
    "family mother father brother sister baby king queen name letter word story news number test model data sample"
)
AFFIXES = "ing tion able ment ness less ful ous ive ary ory ity ism ist ology graphy itis osis ia al er est un re in"
