/*
 * Loaded before a program (LD_PRELOAD), makes the kernel answer as one without CONFIG_IPV6_SUBTREES, and as old ones do,
 * without words: a new IPv6 route with a source is invalid. The kernel itself says so, because the length of the
 * source is one that it cannot take.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static int option(int fd, int name)
{
	int value = -1;
	socklen_t length = sizeof value;

	getsockopt(fd, SOL_SOCKET, name, &value, &length);
	return value;
}

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
	ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
	char copy[65536];

	if (option(fd, SO_DOMAIN) != AF_NETLINK || option(fd, SO_PROTOCOL) != NETLINK_ROUTE || length > sizeof copy)
		return real(fd, bytes, length, flags);
	memcpy(copy, bytes, length);
	int left = length;
	for (struct nlmsghdr *head = (void *)copy; NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
		struct rtmsg *route = NLMSG_DATA(head);
		if (head->nlmsg_type == RTM_NEWROUTE && route->rtm_family == AF_INET6 && route->rtm_src_len)
			route->rtm_src_len = 255;
	}
	return real(fd, copy, length, flags);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	int (*real)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");

	if (level == SOL_NETLINK && name == NETLINK_EXT_ACK) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return real(fd, level, name, value, length);
}
