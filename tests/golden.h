/* dedup, compress, unit, chunk, seed, version, offset, XXH3-64 of 1 MiB */
{ 1, 1, 4096, 0, 0, 0, 0, UINT64_C(0x1e83c8aec2d4c394) },
	{ 1, 1, 4096, 0, 1, 0, 0, UINT64_C(0xc9053f10ec7d6261) },
	{ 2, 1, 4096, 0, 1, 0, 0, UINT64_C(0x1a36e84d7c681c7b) },
	{ 2, 2, 4096, 0, 1, 1, 0, UINT64_C(0x0aa9a4c9f1d66f84) },
	{ 3.7, 3, 8192, 0, 42, 5, UINT64_C(1) << 36, UINT64_C(0x7f327ea472a43273) },
	{ 50, 1.5, 512, 0, 42, 0, UINT64_C(123456789) * 512, UINT64_C(0xadd992052c5a44c8) },
	{ 10, 10, 65536, 4096, UINT64_MAX, UINT64_MAX, 77, UINT64_C(0x906d69009065e045) },
	{ 1.25, 2.5, 6144, 512, 7, 2, 512, UINT64_C(0x10624f1b3dc1eccc) },
