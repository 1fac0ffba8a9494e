// SPDX-License-Identifier: GPL-2.0-only
/*
 * no_uring [--enosys] [--aio] [--container] PROGRAM [ARGUMENT]...: runs it where io_uring is forbidden,
 * as it is in many containers: a seccomp filter answers io_uring_setup() with EPERM, or with ENOSYS; with
 * --aio io_setup() as well; with --container all that Docker's default profile keeps from a container
 * without capabilities. Nothing on the system is changed.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From Docker's documentation of that profile, and what it allows with CAP_SYS_NICE only. */
static const unsigned int kept_away[] = {
	__NR_io_uring_setup,
	__NR_io_uring_enter,
	__NR_io_uring_register,
	__NR_acct,
	__NR_add_key,
	__NR_bpf,
	__NR_clock_adjtime,
	__NR_clock_settime,
	__NR_delete_module,
	__NR_finit_module,
	__NR_init_module,
	__NR_get_mempolicy,
	__NR_set_mempolicy,
	__NR_mbind,
	__NR_migrate_pages,
	__NR_move_pages,
	__NR_kcmp,
	__NR_kexec_load,
	__NR_keyctl,
	__NR_request_key,
	__NR_mount,
	__NR_umount2,
	__NR_pivot_root,
	__NR_name_to_handle_at,
	__NR_open_by_handle_at,
	__NR_perf_event_open,
	__NR_quotactl,
	__NR_reboot,
	__NR_setns,
	__NR_unshare,
	__NR_settimeofday,
	__NR_swapon,
	__NR_swapoff,
	__NR_process_vm_readv,
	__NR_process_vm_writev,
	__NR_userfaultfd,
	__NR_vhangup,
	__NR_syslog,
	__NR_sethostname,
	__NR_setdomainname,
	__NR_chroot,
	__NR_fanotify_init,
};

static int forbid(const struct sock_filter *filter, size_t length)
{
	const struct sock_fprog program = { (unsigned short)length, (struct sock_filter *)filter };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int forbid_one(unsigned int call, unsigned int error)
{
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return forbid(filter, sizeof(filter) / sizeof(filter[0]));
}

int main(int argc, char **argv)
{
	unsigned int error = EPERM;
	bool aio = false, container = false;
	int err = 0;

	for (argv++; *argv && !strncmp(*argv, "--", 2); argv++) {
		if (!strcmp(*argv, "--enosys"))
			error = ENOSYS;
		else if (!strcmp(*argv, "--aio"))
			aio = true;
		else if (!strcmp(*argv, "--container"))
			container = true;
		else
			return 2;
	}
	if (argc < 2 || !*argv)
		return 2;
	err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || forbid_one(__NR_io_uring_setup, error);
	if (aio)
		err = err || forbid_one(__NR_io_setup, error);
	for (size_t i = 0; container && i < sizeof(kept_away) / sizeof(kept_away[0]); i++)
		err = err || forbid_one(kept_away[i], EPERM);
	if (err) {
		perror("seccomp");
		return 77;
	}
	execvp(argv[0], argv);
	perror(argv[0]);
	return 2;
}
