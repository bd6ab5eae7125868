"""DQN: what is buying, selling or holding worth in the state of a setup?"""
