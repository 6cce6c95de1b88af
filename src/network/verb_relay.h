/* verb_relay.h - the verbs that pass bytes on. */
#ifndef WEIR_VERB_RELAY_H
#define WEIR_VERB_RELAY_H

int verb_tee(int argc, char **argv);
int verb_send(int argc, char **argv);
int verb_recv(int argc, char **argv);

#endif
