/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Loaded into the programs of a build (LD_PRELOAD) to vary what a build should not depend on:
 *
 *   ABUILDPY_CLOCK=SECONDS   the clock is that far ahead of the machine's
 *   ABUILDPY_ORDER=reverse   folders are read from their last entry to their first
 *
 * Times of files stay those of the machine's clock, so that what make compares is all of one kind: where a program gives a
 * file the present time by itself, as touch does, it is turned back. Likewise the moments until which a program waits.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#if __SIZEOF_POINTER__ != 8
#error "only for machines with one kind of time and of folder entry"
#endif

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* --- the clock ------------------------------------------------------------------------------------------------- */

static long ahead(void)
{
	static long seconds = -1;
	if (seconds < 0) {
		const char *text = getenv("ABUILDPY_CLOCK");
		long value = text ? atol(text) : 0;
		seconds = value > 0 ? value : 0;
	}
	return seconds;
}

static int real_clock(clockid_t id, struct timespec *now)
{
	return syscall(SYS_clock_gettime, id, now);
}

/* Whether a moment can only have come from the clock that is ahead. */
static int is_ahead(long seconds)
{
	struct timespec now;
	return ahead() && !real_clock(CLOCK_REALTIME, &now) && seconds > now.tv_sec + ahead() / 2;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	int status = real_clock(id, now);
	if (!status && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI))
		now->tv_sec += ahead();
	return status;
}

time_t time(time_t *result)
{
	struct timespec now;
	real_clock(CLOCK_REALTIME_COARSE, &now);
	now.tv_sec += ahead();
	if (result)
		*result = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;
	if (zone)
		memset(zone, 0, sizeof(struct timezone));
	int status = real_clock(CLOCK_REALTIME, &exact);
	now->tv_sec = exact.tv_sec + ahead();
	now->tv_usec = exact.tv_nsec / 1000;
	return status;
}

int timespec_get(struct timespec *now, int base)
{
	return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, now) ? base : 0;
}

/* --- moments that programs hand over --------------------------------------------------------------------------- */

static const struct timespec *back(const struct timespec *moment, struct timespec *room)
{
	if (!moment || !is_ahead(moment->tv_sec))
		return moment;
	*room = *moment;
	room->tv_sec -= ahead();
	return room;
}

static const struct timespec *file_times(const struct timespec times[2], struct timespec room[2])
{
	if (!times)
		return NULL;
	for (int i = 0; i < 2; i++) {
		room[i] = times[i];
		if (room[i].tv_nsec != UTIME_NOW && room[i].tv_nsec != UTIME_OMIT && is_ahead(room[i].tv_sec))
			room[i].tv_sec -= ahead();
	}
	return room;
}

static const struct timeval *old_file_times(const struct timeval times[2], struct timeval room[2])
{
	if (!times)
		return NULL;
	for (int i = 0; i < 2; i++) {
		room[i] = times[i];
		if (is_ahead(room[i].tv_sec))
			room[i].tv_sec -= ahead();
	}
	return room;
}

int utimensat(int folder, const char *path, const struct timespec times[2], int flags)
{
	struct timespec room[2];
	return NEXT(utimensat)(folder, path, file_times(times, room), flags);
}

int futimens(int file, const struct timespec times[2])
{
	struct timespec room[2];
	return NEXT(futimens)(file, file_times(times, room));
}

int utimes(const char *path, const struct timeval times[2])
{
	struct timeval room[2];
	return NEXT(utimes)(path, old_file_times(times, room));
}

int lutimes(const char *path, const struct timeval times[2])
{
	struct timeval room[2];
	return NEXT(lutimes)(path, old_file_times(times, room));
}

int futimes(int file, const struct timeval times[2])
{
	struct timeval room[2];
	return NEXT(futimes)(file, old_file_times(times, room));
}

int futimesat(int folder, const char *path, const struct timeval times[2])
{
	struct timeval room[2];
	return NEXT(futimesat)(folder, path, old_file_times(times, room));
}

int utime(const char *path, const struct utimbuf *times)
{
	struct utimbuf room;
	if (times) {
		room = *times;
		if (is_ahead(room.actime))
			room.actime -= ahead();
		if (is_ahead(room.modtime))
			room.modtime -= ahead();
	}
	return NEXT(utime)(path, times ? &room : NULL);
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
			   const struct timespec *restrict until)
{
	static __typeof__(&pthread_cond_timedwait) next;
	struct timespec room;
#ifdef __GLIBC__
	if (!next) /* the name has an older meaning on some machines */
		next = (__typeof__(next))dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
#endif
	if (!next)
		next = NEXT(pthread_cond_timedwait);
	return next(condition, mutex, back(until, &room));
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
	struct timespec room;
	return NEXT(pthread_mutex_timedlock)(mutex, back(until, &room));
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until)
{
	struct timespec room;
	return NEXT(sem_timedwait)(semaphore, back(until, &room));
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *time, struct timespec *left)
{
	struct timespec room;
	return NEXT(clock_nanosleep)(id, flags, flags & TIMER_ABSTIME ? back(time, &room) : time, left);
}

/* --- the order of folders -------------------------------------------------------------------------------------- */

struct listing {
	DIR *folder;
	struct dirent **entries;
	size_t count, given;
	struct listing *next;
};

static struct listing *listings;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int reversed(void)
{
	static int known = -1;
	if (known < 0)
		known = getenv("ABUILDPY_ORDER") != NULL;
	return known;
}

static struct listing **find(DIR *folder)
{
	struct listing **place = &listings;
	while (*place && (*place)->folder != folder)
		place = &(*place)->next;
	return place;
}

static void forget(DIR *folder)
{
	pthread_mutex_lock(&lock);
	struct listing **place = find(folder), *listing = *place;
	if (listing) {
		*place = listing->next;
		while (listing->count)
			free(listing->entries[--listing->count]);
		free(listing->entries);
		free(listing);
	}
	pthread_mutex_unlock(&lock);
}

static struct listing *read_all(DIR *folder)
{
	__typeof__(&readdir) next = NEXT(readdir);
	struct listing *listing = calloc(1, sizeof *listing);
	struct dirent *entry;
	if (!listing)
		return NULL;
	listing->folder = folder;
	while ((entry = next(folder))) {
		struct dirent **more = realloc(listing->entries, (listing->count + 1) * sizeof *more);
		struct dirent *copy = malloc(entry->d_reclen);
		if (more)
			listing->entries = more;
		if (!more || !copy) {
			free(copy);
			break;
		}
		memcpy(copy, entry, entry->d_reclen);
		listing->entries[listing->count++] = copy;
	}
	listing->next = listings;
	return listings = listing;
}

static struct dirent *following(DIR *folder)
{
	int before = errno;
	struct dirent *entry = NULL;
	pthread_mutex_lock(&lock);
	struct listing *listing = *find(folder);
	if (!listing)
		listing = read_all(folder);
	if (listing && listing->given < listing->count)
		entry = listing->entries[listing->count - ++listing->given];
	pthread_mutex_unlock(&lock);
	errno = before;
	return entry;
}

struct dirent *readdir(DIR *folder)
{
	return reversed() ? following(folder) : NEXT(readdir)(folder);
}

#ifdef __GLIBC__
struct dirent64 *readdir64(DIR *folder)
{
	return reversed() ? (struct dirent64 *)following(folder) : NEXT(readdir64)(folder);
}
#endif

void rewinddir(DIR *folder)
{
	forget(folder);
	NEXT(rewinddir)(folder);
}

long telldir(DIR *folder)
{
	long place = -1;
	pthread_mutex_lock(&lock);
	struct listing *listing = *find(folder);
	if (listing)
		place = listing->given;
	pthread_mutex_unlock(&lock);
	return place < 0 ? NEXT(telldir)(folder) : place;
}

void seekdir(DIR *folder, long place)
{
	pthread_mutex_lock(&lock);
	struct listing *listing = *find(folder);
	if (listing)
		listing->given = place < 0 ? 0 : (size_t)place < listing->count ? (size_t)place : listing->count;
	pthread_mutex_unlock(&lock);
	if (!listing)
		NEXT(seekdir)(folder, place);
}

int closedir(DIR *folder)
{
	forget(folder);
	return NEXT(closedir)(folder);
}
