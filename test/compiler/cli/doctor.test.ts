/** `braid doctor` says what it found, and what to install where it found nothing. */

import { expect, test } from "vitest";
import { addDoctor, findingsText } from "../../../compiler/cli/doctor.ts";
import { hostMachineMissing, plugIn } from "../../support/cuda-host/machine.ts";
import { testWith } from "../../support/require.ts";
import { runCommand } from "../../support/command.ts";

const doctor = async (...words: readonly string[]): Promise<string> =>
  (await runCommand(addDoctor, "doctor", ...words)).out;

test("what is missing comes with what to install", async () => {
  process.env["BRAID_CUDA_DRIVER"] = "/nowhere/libcuda.so.1";
  const text = await doctor();
  expect(text).toContain(`✓ Node         ${process.versions.node} (`);
  expect(text).toMatch(/✗ CUDA driver {2}.+\n +→ .+ for `--backend cuda`\n/);
  const findings: unknown = JSON.parse(await doctor("--json"));
  expect(findings).toContainEqual(expect.objectContaining({ what: "CUDA driver", found: false }));
});

test("findings are a table", () => {
  const findings = [
    { what: "nvcc", found: true, detail: "13.0" },
    { what: "CUDA driver", found: false, detail: "none", install: "a driver" },
  ];
  expect(findingsText(findings)).toBe(
    "✓ nvcc         13.0\n✗ CUDA driver  none\n               → a driver\n",
  );
});

testWith(
  "cuda-host",
  hostMachineMissing ?? plugIn,
  "devices are named, with what is wrong",
  async (machine) => {
    await machine({ devices: ["sm_90", "sm_75"] });
    const text = await doctor();
    expect(text).toContain("✓ CUDA driver  13.0: Host Shim (sm_90), 256 MiB, 1 multiprocessors\n");
    expect(text).toContain(
      "✗ CUDA driver  13.0: Host Shim (sm_75), 256 MiB, 1 multiprocessors\n" +
        "               → a device of sm_80 (A100, RTX 30) or later for `--backend cuda`\n",
    );
    expect(text).toContain("✓ NVRTC        13.0\n");
    await machine({ init: 999 });
    expect(await doctor()).toContain(
      "✗ CUDA driver  the CUDA driver does not start: unknown error\n" +
        "               → see what `nvidia-smi` says for `--backend cuda`\n",
    );
  },
);
