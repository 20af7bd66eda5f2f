// Streams, and what every element of a dataflow has.
//
// A beat moves at the first edge at which its giver offers it and its taker is ready, at the earliest one edge after the beat
// before it.  What is offered stays offered and what is ready stays ready until the beat moves, and both follow from earlier
// moves alone: each edge is the greatest of a few known ones plus a constant.  So there is no clock and no calendar; every
// element computes all edges that follow from those it knows, in whatever order they become known.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <istream>
#include <limits>
#include <memory>
#include <vector>

using Time = int64_t;  // number of a clock edge

constexpr uint64_t Endless = std::numeric_limits<uint64_t>::max();
constexpr uint64_t Ahead = 1024;  // beats for which an end that is always willing says so in advance

// Edges of beats counted from the start of the run, of which the oldest are forgotten.
class Times {
public:
    uint64_t end() const { return end_; }
    Time operator[](uint64_t k) const { return ring_[k & mask_]; }
    bool full() const { return end_ - begin_ == ring_.size(); }
    void forget_before(uint64_t k) { begin_ = std::max(begin_, std::min(k, end_)); }

    void push(Time t) {
        if (full()) grow();
        ring_[end_++ & mask_] = t;
    }

private:
    std::vector<Time> ring_ = std::vector<Time>(16);
    uint64_t mask_ = 15, begin_ = 0, end_ = 0;

    void grow() {
        std::vector<Time> larger(ring_.size() * 2);
        for (uint64_t k = begin_; k != end_; ++k) larger[k & (larger.size() - 1)] = ring_[k & mask_];
        ring_.swap(larger);
        mask_ = ring_.size() - 1;
    }
};

struct Stream;

struct Element {
    bool queued = false;
    std::vector<Time> issued;  // the last operation of each tensor

    virtual ~Element() = default;
    // Computes all that follows from what is known.
    virtual void run() = 0;
    // Why it offers nothing on `stuck`, or takes nothing from it: the stream that has to move first; none: the element itself.
    virtual const Stream* waits(const Stream& stuck) const = 0;
    // Most places ever used; -1: it has none to count.
    virtual int64_t most() const { return -1; }
};

inline std::vector<Element*> woken;  // elements with something new to see

inline void wake(Element* element) {
    if (!element->queued) {
        element->queued = true;
        woken.push_back(element);
    }
}

struct Stream {
    size_t number;
    uint64_t beats;                             // a tensor; 0: nobody asks for `first` and `done`
    Times offered, ready, moved;                // offered, ready: of beats that have not moved
    uint64_t giver_keeps = 0, taker_keeps = 0;  // the oldest moves that the ends still look at
    Time last = -1;                             // move
    Element *giver = nullptr, *taker = nullptr;
    bool passes = false;                        // the taker looks at what is offered, not only at what moved
    std::vector<Time> first, done;              // of each tensor the first and the last beat

    Stream(size_t number_, uint64_t beats_) : number(number_), beats(beats_) {}

    void offer(Time t) {
        offered.push(t);
        if (!settle() && passes) wake(taker);
    }
    void accept(Time t) {
        ready.push(t);
        settle();
    }
    uint64_t count() const { return moved.end(); }
    bool is_offered() const { return offered.end() > moved.end(); }
    // From when on the next beat is there; it is offered.
    Time offer_edge() const { return std::max(offered[moved.end()], last + 1); }

private:
    uint64_t in_tensor_ = 0;

    bool settle() {
        if (!is_offered() || ready.end() == moved.end()) return false;
        const uint64_t k = moved.end();
        last = std::max({offered[k], ready[k], last + 1});
        if (in_tensor_ == 0) first.push_back(last);
        if (++in_tensor_ == beats) {
            done.push_back(last);
            in_tensor_ = 0;
        }
        if (moved.full()) moved.forget_before(std::min(giver_keeps, taker_keeps));
        moved.push(last);
        offered.forget_before(k + 1);
        ready.forget_before(k + 1);
        wake(giver);
        wake(taker);
        return true;
    }
};

// The oldest move away from a FIFO of `depth` places that still decides on something: on the room for number `asked`, asked next.
inline uint64_t oldest_freeing(uint64_t asked, uint64_t depth) {
    if (depth == Endless) return Endless;
    return asked > depth ? asked - depth : 0;
}

// Most places ever used, from the edges at which they are taken and given back; a place is free after its edge.
struct Occupancy {
    uint64_t takes = 0, gives = 0;
    int64_t used = 0, most = 0;

    void see(const Times& taken, const Times& given) {
        while (takes < taken.end() && gives < given.end()) {
            if (taken[takes] <= given[gives]) {
                ++takes;
                most = std::max(most, ++used);
            } else {
                ++gives;
                --used;
            }
        }
    }
    int64_t finished(const Times& taken) const { return std::max(most, used + static_cast<int64_t>(taken.end() - takes)); }
};

// The description, word by word.
struct Words {
    std::istream& text;
    std::vector<std::unique_ptr<Stream>>& streams;

    int64_t number() {
        int64_t value;
        if (!(text >> value)) {
            std::fprintf(stderr, "the description ends early\n");
            std::exit(1);
        }
        return value;
    }
    uint64_t count() { return static_cast<uint64_t>(number()); }
    // of a FIFO: -1 is one without end
    uint64_t depth() {
        const int64_t value = number();
        return value < 0 ? Endless : static_cast<uint64_t>(value);
    }
    std::vector<int64_t> list(uint64_t length) {
        std::vector<int64_t> values(length);
        for (auto& value : values) value = number();
        return values;
    }
    Stream& in(Element* taker, bool passes = false) {
        Stream& stream = *streams.at(count());
        stream.taker = taker;
        stream.passes = passes;
        return stream;
    }
    Stream& out(Element* giver) {
        Stream& stream = *streams.at(count());
        stream.giver = giver;
        return stream;
    }
};
