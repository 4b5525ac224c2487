"""The coding agents that are known by name: how each is called, and how its output is read.

What each is allowed to do is its own default, as far as it works without anybody to ask; to let it do more, add to
``args`` (docs/agents.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "claude": {
        "argv": (
            *("claude", "-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits"),
            "{options}",
        ),
        "prompt": "stdin",
        "reads": "claude",
        "options": {
            "session": ("--resume", "{session}"),
            "model": ("--model", "{model}"),
            "turns_max": ("--max-turns", "{turns_max}"),
            "cost_usd_max": ("--max-budget-usd", "{cost_usd_max}"),
        },
        "env": ("ANTHROPIC_*", "CLAUDE_*", "AWS_*", "GOOGLE_*", "CLOUD_ML_REGION"),
        "set_env": {"DISABLE_AUTOUPDATER": "1"},
    },
    "codex": {
        "argv": ("codex", "exec", "--json", "--sandbox", "workspace-write", "--skip-git-repo-check", "{options}", "-"),
        "prompt": "stdin",
        "reads": "codex",
        # "resume" is a command of "exec", and takes the prompt as well: what is set must stand before it
        "options": {"model": ("--model", "{model}"), "session": ("resume", "{session}")},
        "env": ("OPENAI_*", "CODEX_*", "AZURE_OPENAI_*"),
    },
    "opencode": {
        "argv": ("opencode", "run", "--format", "json", "--print-logs", "--log-level", "ERROR", "{options}"),
        "prompt": "stdin",
        "reads": "opencode",
        "options": {"session": ("--session", "{session}"), "model": ("--model", "{model}")},
        "env": ("OPENCODE_*", "ANTHROPIC_*", "OPENAI_*", "OPENROUTER_*", "GEMINI_*", "GOOGLE_*", "AWS_*"),
    },
    "goose": {
        "argv": ("goose", "run", "--output-format", "stream-json", "{options}", "-i", "-"),
        "prompt": "stdin",
        "reads": "goose",
        "session": "given",
        "options": {
            "new_session": ("--name", "{session}"),
            "session": ("--resume", "--name", "{session}"),
            "model": ("--model", "{model}"),
            "turns_max": ("--max-turns", "{turns_max}"),
        },
        "env": ("GOOSE_*", "OPENAI_*", "ANTHROPIC_*", "OPENROUTER_*", "GOOGLE_*", "DATABRICKS_*", "OLLAMA_*"),
        "set_env": {"GOOSE_MODE": "auto"},
    },
    "aider": {
        "argv": (
            *("aider", "--message-file", "{prompt_file}", "--yes-always", "--no-stream", "--no-pretty"),
            *("--no-auto-commits", "--no-dirty-commits", "--no-gitignore", "--no-check-update"),
            *("--no-show-release-notes", "--no-analytics", "--no-suggest-shell-commands", "--no-detect-urls"),
            *("--chat-history-file", "{scratch}/chat.md", "--input-history-file", "{scratch}/input"),
            "{options}",
        ),
        "prompt": "file",
        "reads": "aider",
        "session": "given",
        "options": {"session": ("--restore-chat-history",), "model": ("--model", "{model}")},
        "env": ("AIDER_*", "OPENAI_*", "ANTHROPIC_*", "OPENROUTER_*", "GEMINI_*", "DEEPSEEK_*", "OLLAMA_*"),
        "litter": (".aider.tags.cache.v*",),
    },
}

ALWAYS_ALLOWED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TMP", "TEMP"),
    *("XDG_*", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("VIRTUAL_ENV", "JAVA_HOME", "GOPATH", "GOROOT", "CARGO_HOME", "RUSTUP_HOME", "NVM_DIR"),
)
ALWAYS_SET = {"TERM": "dumb", "NO_COLOR": "1", "CI": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true"}
