// Where the operations of a stage are issued, and the FIFO that its results leave from.  Above each the words that describe it.

#pragma once

#include "elements.h"

// OUT LATENCY DEPTH      A pipeline and hg_credit_fifo: a place is reserved by the issue of an operation, and free again after
// the edge at which its result leaves.
struct Credit {
    Stream& out;
    Time latency;
    uint64_t depth;
    std::vector<Time>& issued;
    Times issues;
    Occupancy occupancy;

    Credit(Words& words, Element* element)
        : out(words.out(element)), latency(words.number()), depth(words.depth()), issued(element->issued) {}
    // Whether it is known from when on there is room for operation k, and that edge.
    bool room(uint64_t k, Time& t) const {
        t = 0;
        if (k < depth) return true;
        if (out.count() <= k - depth) return false;
        t = out.moved[k - depth] + 1;
        return true;
    }
    // the next one
    bool room(Time& t) const { return room(issues.end(), t); }
    void issue(Time t) {
        issues.push(t);
        if (issues.end() % out.beats == 0) issued.push_back(t);
        out.offer(t + latency + 1);
    }
    // asked: the operation whose room is asked for next
    void forget(uint64_t asked) {
        occupancy.see(issues, out.moved);
        issues.forget_before(occupancy.takes);
        out.giver_keeps = std::min(occupancy.gives, oldest_freeing(asked, depth));
    }
    int64_t most() const { return occupancy.finished(issues); }
};

// matvec IN BEATS REPEATS, and of its Credit      BEATS: of a vector.  REPEATS: operations that a beat takes part in.
struct Matvec final : Element {
    Stream& in;
    uint64_t beats, repeats;
    Credit credit;
    uint64_t taken = 0;
    uint64_t left = 0;  // operations of a vector's last beat that are not yet issued
    Time edge = -1;     // of the last move or issue

    explicit Matvec(Words& words) : in(words.in(this)), beats(words.count()), repeats(words.count()), credit(words, this) {}
    void run() override {
        if (in.ready.end() == 0) in.accept(0);
        for (;;) {
            if (left > 0) {
                Time room;
                if (!credit.room(room)) break;
                edge = std::max(edge + 1, room);
                credit.issue(edge);
                if (--left == 0) in.accept(edge);
            } else {
                if (taken == in.count()) break;
                edge = in.moved[taken++];
                if (taken % beats == 0) {
                    left = repeats;
                } else {
                    in.accept(edge + static_cast<Time>(repeats));
                }
            }
        }
        in.taker_keeps = taken;
        credit.forget(credit.issues.end());
    }
    const Stream* waits(const Stream& stuck) const override { return waits_between(stuck, in, credit.out); }
    int64_t most() const override { return credit.most(); }
};

// gate IN BEATS, and of its Credit      BEATS: of a result
struct Gate final : Element {
    static constexpr uint64_t repeats = 1;
    Stream& in;
    uint64_t beats;
    Credit credit;
    uint64_t taken = 0;

    explicit Gate(Words& words) : in(words.in(this)), beats(words.count()), credit(words, this) {}
    void run() override {
        while (taken < in.count()) {
            const Time t = in.moved[taken++];
            if (taken % beats == 0) credit.issue(t);
        }
        while (in.ready.end() < in.count() + Ahead) {
            const uint64_t k = in.ready.end();
            Time t = 0;
            if ((k + 1) % beats == 0 && !credit.room(k / beats, t)) break;
            in.accept(t);
        }
        in.taker_keeps = taken;
        credit.forget(in.ready.end() / beats);
    }
    const Stream* waits(const Stream& stuck) const override { return waits_between(stuck, in, credit.out); }
    int64_t most() const override { return credit.most(); }
};

// pair A B, and of its Credit
struct PairGate final : Element {
    Stream &a, &b;
    Credit credit;

    explicit PairGate(Words& words) : a(words.in(this, true)), b(words.in(this, true)), credit(words, this) {}
    void run() override {
        Time t;
        while (a.is_offered() && b.is_offered() && credit.room(t)) {
            t = std::max({a.offer_edge(), b.offer_edge(), t});
            a.accept(t);
            b.accept(t);
            credit.issue(t);
        }
        a.taker_keeps = a.count();
        b.taker_keeps = b.count();
        credit.forget(credit.issues.end());
    }
    const Stream* waits(const Stream&) const override {
        if (!a.is_offered()) return &a;
        return b.is_offered() ? waits_between(a, a, credit.out) : &b;
    }
    int64_t most() const override { return credit.most(); }
};
