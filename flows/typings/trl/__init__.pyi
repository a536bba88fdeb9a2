"""TRL 1.16 imports its names when they are first used, and says that they are its own to no type checker."""

from trl.trainer.dpo_config import DPOConfig as DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer as DPOTrainer
from trl.trainer.grpo_config import GRPOConfig as GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer as GRPOTrainer
from trl.trainer.kto_config import KTOConfig as KTOConfig
from trl.trainer.kto_trainer import KTOTrainer as KTOTrainer
from trl.trainer.sft_config import SFTConfig as SFTConfig
from trl.trainer.sft_trainer import SFTTrainer as SFTTrainer
