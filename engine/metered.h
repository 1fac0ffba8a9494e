/* SPDX-License-Identifier: GPL-2.0-only */
/* The hooks of the inner engine on the I/O path, with a look at the clock before and after. */
#ifndef DGEN_METERED_H
#define DGEN_METERED_H

#include "job.h"

static inline enum fio_q_status metered_queue(struct job *job, struct io_u *io_u)
{
	struct account *account = &job->account;
	const bool sync = td_ioengine_flagged(job->td, FIO_SYNCIO);
	struct meter *meter = sync ? &account->wait : &account->submit;
	const uint64_t begin = meter_begin(meter);
	const enum fio_q_status status = job->inner->queue(job->td, io_u);

	meter_end(meter, begin);
	if (status == FIO_Q_QUEUED)
		account_sent(account);
	return status;
}

static inline int metered_commit(struct job *job)
{
	const uint64_t begin = meter_begin(&job->account.submit);
	const int ret = job->inner->commit(job->td);

	meter_end(&job->account.submit, begin);
	return ret;
}

static inline int metered_getevents(struct job *job, unsigned int min, unsigned int max,
				    const struct timespec *timeout)
{
	struct meter *meter = min ? &job->account.wait : &job->account.submit;
	const uint64_t begin = meter_begin(meter);
	const int ret = job->inner->getevents(job->td, min, max, timeout);

	meter_end(meter, begin);
	return ret;
}

static inline struct io_u *metered_event(struct job *job, int event)
{
	account_came(&job->account);
	return job->inner->event(job->td, event);
}

#endif
