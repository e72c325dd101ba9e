#!/usr/bin/env node
// Apart from the build, so that package managers find it when they link commands.
import "../dist/cli.js";
