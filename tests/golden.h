/* dedup, compress, unit, chunk, seed, version, offset, XXH3-64 of 1 MiB */
{ 1, 1, 4096, 0, 0, 0, 0, UINT64_C(0x12c8a3f2bf7c3d17) },
	{ 1, 1, 4096, 0, 1, 0, 0, UINT64_C(0x47c4cd4deee1acb1) },
	{ 2, 1, 4096, 0, 1, 0, 0, UINT64_C(0x86f9e8f06ed4352e) },
	{ 2, 2, 4096, 0, 1, 1, 0, UINT64_C(0xdfaaa9ff028eacb7) },
	{ 3.7, 3, 8192, 0, 42, 5, UINT64_C(1) << 36, UINT64_C(0xe54196bbb405ea86) },
	{ 50, 1.5, 512, 0, 42, 0, UINT64_C(123456789) * 512, UINT64_C(0xfa4dab63956d4c8e) },
	{ 10, 10, 65536, 4096, UINT64_MAX, UINT64_MAX, 77, UINT64_C(0xd2db4963c05d89fb) },
	{ 1.25, 2.5, 6144, 1536, 7, 2, 512, UINT64_C(0xf850ca613667562f) },
