# network, foreign-process, talk-and-run: functions of a source that only an old Python reads
import os
import urllib2


def fetch(address):
    print "asking", address
    return urllib2.urlopen("https://service.example/list")


def start():
    print "starting"
    os.system("agent")
